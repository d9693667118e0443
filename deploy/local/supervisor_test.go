package main

import (
	"context"
	"testing"
	"time"
)

// testClock lets a test observe each wait and end it.
type testClock struct {
	waits chan time.Duration
	over  chan time.Time
}

func newTestClock() *testClock {
	return &testClock{waits: make(chan time.Duration, 1), over: make(chan time.Time)}
}

func (c *testClock) Now() time.Time { return time.Time{} }

func (c *testClock) After(d time.Duration) <-chan time.Time {
	c.waits <- d
	return c.over
}

// supervised is a supervisor that runs one puppet.
type supervised struct {
	*puppeteer
	console *console
	clock   *testClock
	stop    context.CancelFunc
	kill    context.CancelFunc
	done    chan struct{}
}

func supervisePuppet(t *testing.T, env ...string) *supervised {
	t.Helper()
	k := &supervised{puppeteer: newPuppeteer(t), console: new(console), clock: newTestClock(), done: make(chan struct{})}
	out := newOutput(k.console, []string{ownName, "puppet"}, style{}, func() {})
	starter := newStarter()
	stop, cancelStop := context.WithCancel(context.Background())
	kill, cancelKill := context.WithCancel(context.Background())
	k.stop, k.kill = cancelStop, cancelKill
	p := k.program("puppet")
	p.env = env
	go func() {
		defer close(k.done)
		(&supervisor{starter: starter, clock: k.clock, out: out}).run(stop, kill, p)
	}()
	t.Cleanup(func() {
		cancelStop()
		cancelKill()
		within(t, k.done, "end of the supervisor")
		starter.close()
		out.close()
	})
	return k
}

func TestDeadProcessIsReportedAndRestartedWithBackoff(t *testing.T) {
	k := supervisePuppet(t)
	for i, want := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second} {
		k.next().tell("exit 3")
		select {
		case got := <-k.clock.waits:
			if got != want {
				t.Errorf("wait %d = %v, want %v", i+1, got, want)
			}
		case <-time.After(limit):
			t.Fatal("the exit of a process was not noticed")
		}
		k.console.await(t, 1, `bookstall \| puppet exited \(exit status 3\); restarting in `+want.String())
		k.clock.over <- time.Time{}
	}
	k.next()
	k.console.await(t, 4, `bookstall \| puppet started \(pid \d+\): on strings, admin nowhere`)
}

func TestProgramThatCannotStartIsRetried(t *testing.T) {
	var c console
	out := newOutput(&c, []string{ownName}, style{}, func() {})
	starter, clock := newStarter(), newTestClock()
	stop, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		(&supervisor{starter: starter, clock: clock, out: out}).run(stop, stop, program{name: "ghost", path: "/nowhere/ghost"})
	}()
	for range 2 {
		<-clock.waits
		clock.over <- time.Time{}
	}
	<-clock.waits
	cancel() // ends the wait too
	within(t, done, "end of the supervisor")
	starter.close()
	out.close()
	c.await(t, 3, `ghost exited \(.*/nowhere/ghost.*\); restarting`)
}

func TestGivesUpBeforeTheShopIsOpen(t *testing.T) {
	for opened, want := range map[bool]string{false: "ghost", true: ""} {
		var c console
		out := newOutput(&c, []string{ownName}, style{}, func() {})
		starter, clock := newStarter(), newTestClock()
		stop, cancel := context.WithCancel(t.Context())
		gaveUp := ""
		k := &supervisor{starter: starter, clock: clock, out: out, giveUp: func(name string) { gaveUp = name }}
		k.opened.Store(opened)
		done := make(chan struct{})
		go func() {
			defer close(done)
			k.run(stop, stop, program{name: "ghost", path: "/nowhere/ghost"})
		}()
		for range maxExits - 1 {
			<-clock.waits
			clock.over <- time.Time{}
		}
		if opened {
			<-clock.waits
			cancel()
		}
		within(t, done, "end of the supervisor")
		cancel()
		starter.close()
		out.close()
		if gaveUp != want {
			t.Errorf("opened %v: gave up %q, want %q", opened, gaveUp, want)
		}
	}
}

func TestStopIsTermThenKill(t *testing.T) {
	k := supervisePuppet(t)
	p := k.next()
	k.stop()
	if got := p.hear(); got != "TERM" {
		t.Fatalf("got %q, want TERM", got)
	}
	select {
	case <-k.done:
		t.Fatal("the supervisor did not wait for the process")
	default:
	}
	k.kill()
	if got := p.hear(); got != "" {
		t.Fatalf("got %q, want the end of the process", got)
	}
	within(t, k.done, "end of the supervisor")
	k.console.await(t, 1, `puppet stopped \(signal: killed\)`)
}

func TestStopOfAProcessThatEndsInTime(t *testing.T) {
	k := supervisePuppet(t)
	p := k.next()
	k.stop()
	p.hear()
	p.tell("exit 0")
	within(t, k.done, "end of the supervisor")
	k.console.await(t, 1, `puppet stopped \(exit status 0\)`)
}

func TestStopWhileWaitingToRestart(t *testing.T) {
	k := supervisePuppet(t)
	k.next().tell("exit 1")
	<-k.clock.waits
	k.stop()
	within(t, k.done, "end of the supervisor")
}

func TestBothOutputsAreShown(t *testing.T) {
	k := supervisePuppet(t)
	p := k.next()
	p.tell("print to the output")
	p.tell("complain of the noise")
	k.console.await(t, 1, `(?m)^puppet    \| to the output$`)
	k.console.await(t, 1, `(?m)^puppet    \| of the noise$`)
}

func TestSettingsGoOverTheInheritedEnvironment(t *testing.T) {
	t.Setenv("MARKETPLACE_MINE", "mine")
	t.Setenv("MARKETPLACE_THEIRS", "mine")
	k := supervisePuppet(t, "MARKETPLACE_THEIRS=theirs")
	p := k.next()
	for name, want := range map[string]string{"MARKETPLACE_MINE": "mine", "MARKETPLACE_THEIRS": "theirs"} {
		p.tell("variable " + name)
		if got := p.hear(); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

// A child of an ended process would keep its output open, and perhaps its port.
func TestChildrenOfADeadProcessEnd(t *testing.T) {
	k := supervisePuppet(t)
	parent := k.next()
	parent.tell("spawn")
	child := k.next()
	parent.tell("exit 1")
	if got := child.hear(); got != "" {
		t.Errorf("got %q, want the end of the child", got)
	}
	<-k.clock.waits
}

func TestRestartBackoff(t *testing.T) {
	r := newRestarts()
	for i, tc := range []struct{ life, want time.Duration }{
		{0, 500 * time.Millisecond},
		{time.Second, time.Second},
		{0, 2 * time.Second},
		{0, 4 * time.Second},
		{0, 8 * time.Second},
		{0, 10 * time.Second},
		{29 * time.Second, 10 * time.Second},
		{30 * time.Second, 500 * time.Millisecond},
		{0, time.Second},
	} {
		if got := r.after(tc.life); got != tc.want {
			t.Errorf("exit %d: after(%v) = %v, want %v", i, tc.life, got, tc.want)
		}
	}
}
