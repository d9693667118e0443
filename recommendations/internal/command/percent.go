package command

import (
	"fmt"
	"strconv"
	"strings"
)

// percent is a share such as 2.5%.
type percent float64

// UnmarshalText is called by Kong. The sign may be missing.
func (p *percent) UnmarshalText(text []byte) error {
	v, err := strconv.ParseFloat(strings.TrimSuffix(string(text), "%"), 64)
	if err != nil || !(v >= 0 && v <= 100) {
		return fmt.Errorf("%.20q is not a percentage from 0%% to 100%%", text)
	}
	*p = percent(v)
	return nil
}
