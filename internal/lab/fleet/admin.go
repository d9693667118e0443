package fleet

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// adminTimeout bounds one request to an admin port.
const adminTimeout = 5 * time.Second

// request makes a request over a connection of its own, which is closed afterwards:
// one that is kept would be among the connections and files that are counted.
func request(ctx context.Context, method, url, body string) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// Get returns what a process serves at a URL. A status other than 200 is an error.
func Get(ctx context.Context, url string) ([]byte, error) {
	status, body, err := request(ctx, http.MethodGet, url, "")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s: status %d", url, status)
	}
	return body, err
}

// Ready reports whether the process with this admin URL says that it is ready.
func Ready(ctx context.Context, admin string) (bool, error) {
	status, _, err := request(ctx, http.MethodGet, admin+"/readyz", "")
	return err == nil && status == http.StatusOK, err
}

// Fault injects faults, described in JSON, into a process that runs with --faults,
// by its admin URL. "{}" removes them.
func Fault(ctx context.Context, admin, faults string) error {
	status, answer, err := request(ctx, http.MethodPut, admin+"/debug/fault", faults)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d: %s", status, answer)
	}
	if err != nil {
		return fmt.Errorf("faults: %w", err)
	}
	return nil
}
