// Package wildcard compares text with patterns in which * stands for any text.
package wildcard
