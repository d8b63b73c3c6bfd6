// Package shorten cuts texts of others to a bounded length.
package shorten
