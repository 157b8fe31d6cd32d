//go:build soak

package main

// soak lets bad weather last.
const soak = true
