// Package lifecycle starts the parts of a program in order, holds whether the program is
// ready, and stops the parts in reverse order with a deadline each. Both programs use it.
package lifecycle
