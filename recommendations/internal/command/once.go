package command

import "errors"

// once is the value of a flag that may be given once. Kong would take the last of several.
type once string

// UnmarshalText is called by Kong for each time that the flag is given.
func (o *once) UnmarshalText(text []byte) error {
	if *o != "" {
		return errors.New("may be given only once")
	}
	*o = once(text)
	return nil
}
