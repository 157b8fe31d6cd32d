resource "a" "b" {
    min=1
}