//go:build soak

package queue

// soak makes the tests that count jobs count more of them.
const soak = true
