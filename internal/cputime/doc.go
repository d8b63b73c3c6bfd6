// Package cputime tells how much processor time a thread has used: other than
// the time of day it does not go on while somebody else has the processor, so
// that work can be measured on a busy machine.
package cputime
