resource "a" "b" {
  max = 9
}
