package githubtest

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// ParseKey reads an RSA key in PEM form, private (PKCS#1 or PKCS#8) or public
// (PKCS#1 or PKIX), and returns its public half.
func ParseKey(text []byte) (*rsa.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("key: want PEM")
	}
	if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return &k.PublicKey, nil
	}
	if k, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
		return k, nil
	}
	if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if private, isRSA := k.(*rsa.PrivateKey); isRSA {
			return &private.PublicKey, nil
		}
	}
	if k, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
		if public, isRSA := k.(*rsa.PublicKey); isRSA {
			return public, nil
		}
	}
	return nil, fmt.Errorf("key: want RSA in PKCS#1, PKCS#8 or PKIX form, got PEM block %q", block.Type)
}
