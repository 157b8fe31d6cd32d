//go:build !soak

package remedy_test

const soak = false
