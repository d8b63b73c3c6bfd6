// Package shortage tells errors for want of files or memory, of this process or of
// the system, from all others: they say nothing about what was asked for, and end
// when others have ended.
package shortage
