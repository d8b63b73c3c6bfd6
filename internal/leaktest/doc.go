// Package leaktest makes a test binary fail when goroutines outlive its
// tests. A package that starts goroutines calls it from TestMain:
//
//	func TestMain(m *testing.M) { leaktest.Main(m) }
//
// Check does the same for a single test. Goroutines of a testing/synctest
// bubble need neither: the bubble waits for them.
package leaktest
