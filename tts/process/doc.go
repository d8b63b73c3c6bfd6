// Package process runs the programs that synthesise speech so that they do
// not disturb the media clock or outlive their purpose.
//
// A child runs at low priority in a process group of its own; when its time is
// up the whole group is killed. It inherits the environment without the
// server's own variables, which may hold secrets. A [Pool] keeps programs that
// answer one request after another running between requests.
//
// A Pool is safe for concurrent use.
package process
