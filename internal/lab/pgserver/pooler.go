package pgserver

import (
	"bytes"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Pooler is a PgBouncer in transaction mode in front of a Server.
type Pooler struct {
	host, server string
	process      *exec.Cmd
	output       bytes.Buffer
}

// Pooler starts a PgBouncer with pools of size connections. It ends with the server's Close.
//
// Error: ErrMissing.
func (s *Server) Pooler(size int) (*Pooler, error) {
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/pgbouncer"); err != nil {
			return nil, fmt.Errorf("%w: no PgBouncer", ErrMissing)
		}
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	base := filepath.Join(s.Dir(), fmt.Sprintf("pooler%d", len(s.poolers)))
	// As Debian and others deliver it, but for where it listens and whom it admits.
	settings := fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%d
[pgbouncer]
pool_mode = transaction
default_pool_size = %d
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = trust
auth_file = %s.users
pidfile = %s.pid
`, s.port, size, port, base, base)
	if err := s.write(base+".ini", []byte(settings)); err != nil {
		return nil, err
	}
	if err := s.write(base+".users", []byte(`"postgres" ""`+"\n")); err != nil {
		return nil, err
	}
	p := &Pooler{host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), server: s.Host(), process: exec.Command(program, base+".ini")} //nolint:gosec // a program of the system
	p.process.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Setpgid: true}
	p.process.Stdout, p.process.Stderr = &p.output, &p.output
	if err := p.process.Start(); err != nil {
		return nil, err
	}
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", p.host)
		if err == nil {
			s.poolers = append(s.poolers, p)
			return p, conn.Close()
		}
		if time.Since(began) > startTimeout {
			p.close()
			return nil, fmt.Errorf("PgBouncer does not start within %v (startTimeout): %s", startTimeout, lastLines(p.output.String()))
		}
	}
}

// URL returns the URL of a database of the server through the pooler.
func (p *Pooler) URL(direct string) string { return strings.Replace(direct, p.server, p.host, 1) }

// Direct returns the URL without the pooler.
func (p *Pooler) Direct(pooled string) string { return strings.Replace(pooled, p.host, p.server, 1) }

func (p *Pooler) close() {
	_ = p.process.Process.Kill()
	_ = p.process.Wait() // killed
}
