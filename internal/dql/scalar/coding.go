package scalar

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/salvehq/salve/internal/dql"
)

// coding are hashes, and the encodings of binary values.
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language/functions/cryptographic-functions
var coding = map[string]Func{
	"hashCrc32": hash(func(b []byte) []byte { return binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)) }),
	"hashMd5": hash(func(b []byte) []byte {
		sum := md5.Sum(b)
		return sum[:]
	}),
	"hashSha1": hash(func(b []byte) []byte {
		sum := sha1.Sum(b)
		return sum[:]
	}),
	"hashSha256": hash(func(b []byte) []byte {
		sum := sha256.Sum256(b)
		return sum[:]
	}),
	"hashSha512": hash(func(b []byte) []byte {
		sum := sha512.Sum512(b)
		return sum[:]
	}),
	"hashXxHash32": ofBytes(func(b []byte) dql.Value { return dql.String(fmt.Sprintf("%08x", xxHash32(b))) }),
	"hashXxHash64": ofBytes(func(b []byte) dql.Value { return dql.String(fmt.Sprintf("%016x", xxHash64(b))) }),

	"encodeBase16":         ofBytes(func(b []byte) dql.Value { return dql.String(hex.EncodeToString(b)) }),
	"encodeBase64":         ofBytes(func(b []byte) dql.Value { return dql.String(base64.StdEncoding.EncodeToString(b)) }),
	"decodeBase16ToBinary": decoding(hex.DecodeString, true),
	"decodeBase16ToString": decoding(hex.DecodeString, false),
	"decodeBase64ToBinary": decoding(decodeBase64, true),
	"decodeBase64ToString": decoding(decodeBase64, false),
}

// ofBytes makes a function of a string or a binary.
func ofBytes(f func([]byte) dql.Value) Func {
	return one(func(v dql.Value) dql.Value {
		if v.Kind() != dql.KindString && v.Kind() != dql.KindBinary {
			return dql.Null
		}
		s, _ := v.AsText()
		return f([]byte(s))
	})
}

func hash(sum func([]byte) []byte) Func {
	return ofBytes(func(b []byte) dql.Value { return dql.String(hex.EncodeToString(sum(b))) })
}

// decodeBase64 reads either alphabet, with or without padding.
func decodeBase64(s string) ([]byte, error) {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	return base64.RawStdEncoding.DecodeString(s)
}

func decoding(decode func(string) ([]byte, error), toBinary bool) Func {
	return one(func(v dql.Value) dql.Value {
		s, ok := v.AsText()
		b, err := decode(s)
		switch {
		case !ok || err != nil:
			return dql.Null
		case toBinary:
			return dql.Text(dql.KindBinary, string(b))
		case !utf8.Valid(b):
			// Text in another encoding reads as Latin-1 would show it.
			return dql.String(strings.ToValidUTF8(string(b), "\uFFFD"))
		}
		return dql.String(string(b))
	})
}

// The primes of https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
const (
	p32a, p32b, p32c, p32d, p32e uint32 = 2654435761, 2246822519, 3266489917, 668265263, 374761393
	p64a, p64b, p64c, p64d, p64e uint64 = 11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579, 2870177450012600261
)

func xxHash32(b []byte) uint32 {
	n, h := uint32(len(b)), p32e
	if len(b) >= 16 {
		a, c := p32a, p32b
		v := [4]uint32{a + c, p32b, 0, -a}
		for ; len(b) >= 16; b = b[16:] {
			for i := range v {
				v[i] = bits.RotateLeft32(v[i]+binary.LittleEndian.Uint32(b[4*i:])*p32b, 13) * p32a
			}
		}
		h = bits.RotateLeft32(v[0], 1) + bits.RotateLeft32(v[1], 7) + bits.RotateLeft32(v[2], 12) + bits.RotateLeft32(v[3], 18)
	}
	h += n
	for ; len(b) >= 4; b = b[4:] {
		h = bits.RotateLeft32(h+binary.LittleEndian.Uint32(b)*p32c, 17) * p32d
	}
	for _, c := range b {
		h = bits.RotateLeft32(h+uint32(c)*p32e, 11) * p32a
	}
	h = (h ^ h>>15) * p32b
	h = (h ^ h>>13) * p32c
	return h ^ h>>16
}

func xxHash64(b []byte) uint64 {
	n, h := uint64(len(b)), p64e
	if len(b) >= 32 {
		a, c := p64a, p64b
		v := [4]uint64{a + c, p64b, 0, -a}
		for ; len(b) >= 32; b = b[32:] {
			for i := range v {
				v[i] = round64(v[i], binary.LittleEndian.Uint64(b[8*i:]))
			}
		}
		h = bits.RotateLeft64(v[0], 1) + bits.RotateLeft64(v[1], 7) + bits.RotateLeft64(v[2], 12) + bits.RotateLeft64(v[3], 18)
		for i := range v {
			h = (h^round64(0, v[i]))*p64a + p64d
		}
	}
	h += n
	for ; len(b) >= 8; b = b[8:] {
		h = bits.RotateLeft64(h^round64(0, binary.LittleEndian.Uint64(b)), 27)*p64a + p64d
	}
	if len(b) >= 4 {
		h = bits.RotateLeft64(h^uint64(binary.LittleEndian.Uint32(b))*p64a, 23)*p64b + p64c
		b = b[4:]
	}
	for _, c := range b {
		h = bits.RotateLeft64(h^uint64(c)*p64e, 11) * p64a
	}
	h = (h ^ h>>33) * p64b
	h = (h ^ h>>29) * p64c
	return h ^ h>>32
}

func round64(acc, lane uint64) uint64 { return bits.RotateLeft64(acc+lane*p64b, 31) * p64a }
