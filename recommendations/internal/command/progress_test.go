package command

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgress(t *testing.T) {
	for name, test := range map[string]struct {
		terminal bool
		want     string
	}{
		"a terminal": {true, "" +
			"\r\x1b[Kratings.csv                  [==                            ]   8 %  100 rows, 100 rows/s, 11s left" +
			"\r\x1b[Kratings.csv                  [===============               ]  50 %  600 rows, 100 rows/s, 6s left" +
			"\r\x1b[Kratings.csv                  [==============================] 100 %  1200 rows, 100 rows/s, 0s left" +
			"\r\x1b[K"},
		"a file": {false, "ratings.csv: 50 %  600 rows, 100 rows/s, 6s left\nratings.csv: 100 %  1200 rows, 100 rows/s, 0s left\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				p := newProgress(&out)
				p.terminal = test.terminal
				p.at("ratings.csv", 0, 12_000, 0)
				for _, second := range []int64{1, 6, 12} {
					time.Sleep(time.Duration(second)*time.Second - time.Since(p.began))
					p.at("ratings.csv", second*1000, 12_000, second*100)
				}
				p.clear()
				if out.String() != test.want {
					t.Errorf("got  %q\nwant %q", out.String(), test.want)
				}
			})
		})
	}
}
