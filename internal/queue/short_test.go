//go:build !soak

package queue

const soak = false
