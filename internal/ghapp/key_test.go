package ghapp

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"sync"
	"testing"
)

// testKey is the private key of the App in tests.
var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	return key
})

func testPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(testKey())})
}

// Attack 65: every form that a key comes in is read, or its error says what to do.
func TestParseKey(t *testing.T) {
	pkcs1 := testPEM()
	der, _ := x509.MarshalPKCS8PrivateKey(testKey())
	pkcs8 := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	der, _ = x509.MarshalPKCS8PrivateKey(ec)
	other := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})
	old := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}, Bytes: []byte("x")})
	crypt := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})

	for name, tt := range map[string]struct {
		in   []byte
		want string // part of the error; empty: it is read
	}{
		"PKCS#1":          {pkcs1, ""},
		"PKCS#8":          {pkcs8, ""},
		"CRLF":            {bytes.ReplaceAll(pkcs1, []byte("\n"), []byte("\r\n")), ""},
		"no final break":  {bytes.TrimSpace(pkcs1), ""},
		"literal \\n":     {bytes.ReplaceAll(pkcs1, []byte("\n"), []byte(`\n`)), ""},
		"text before":     {append([]byte("key:\n"), pkcs1...), ""},
		"elliptic":        {other, "want an RSA key"},
		"public":          {public, "PUBLIC KEY: want RSA PRIVATE KEY"},
		"encrypted PEM":   {old, "decrypt it first"},
		"encrypted PKCS8": {crypt, "decrypt it first"},
		"damaged":         {bytes.Replace(pkcs1, []byte("MII"), []byte("AAA"), 1), "damaged"},
		"cut off":         {pkcs1[:200], "no PEM block"},
		"empty":           {nil, "no PEM block"},
		"a path":          {[]byte("/etc/salve/key.pem"), "no PEM block"},
	} {
		key, err := parseKey(tt.in)
		switch {
		case tt.want == "" && (err != nil || !key.Equal(testKey())):
			t.Errorf("%s: %v, want the key", name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want an error with %q", name, err, tt.want)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add([]byte("-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n"))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nDEK-Info: x\n\nMIIB\n-----END PRIVATE KEY-----"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if key, err := parseKey(in); (key == nil) == (err == nil) {
			t.Errorf("key %v with error %v", key, err)
		}
	})
}
