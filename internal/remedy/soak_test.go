//go:build soak

package remedy_test

// soak makes tests that try very many answers try all of them.
const soak = true
