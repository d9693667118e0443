package config

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// AtLeast returns an error that names the flag if its value is below least.
func AtLeast(flag string, value, least time.Duration) error {
	if value < least {
		return fmt.Errorf("%s is %v, want %v or more", flag, value, least)
	}
	return nil
}

// NameOr returns name with the process id for {pid}, or the host's name if it is empty.
func NameOr(name string) (string, error) {
	if name != "" {
		return strings.ReplaceAll(name, "{pid}", strconv.Itoa(os.Getpid())), nil
	}
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("--name is not set and the host has no name: %w", err)
	}
	return name, nil
}
