# größe ☃ 👩‍👩‍👧
resource "a" "b" { /* größe */ max = 9 } // ☃ 
