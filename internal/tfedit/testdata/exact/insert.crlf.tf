resource "a" "b" {
  min = 1 # at least
}
