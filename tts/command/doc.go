// Package command is the engine of speech synthesis that runs a program of the
// machine, such as espeak-ng, flite or piper.
//
// A command is a list: the program and its arguments, with placeholders in
// braces. There is no shell. The text goes to standard input unless {text}
// stands in an argument; the sound comes from standard output unless {output}
// stands in one, which is then the name of a file. A warm program is kept
// running: it gets a line for each text and answers with a line when the file
// {output} is written. The placeholders are listed at [Config].
//
// Programs run with low priority, in a process group of their own that is
// killed when their time is up.
//
// An Engine is safe for concurrent use.
package command
