package ghapp

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// parseKey reads an RSA private key in PEM. Line breaks may be CRLF, or the two
// characters \n, which is what becomes of a key in many environment files.
func parseKey(text []byte) (*rsa.PrivateKey, error) {
	text = bytes.TrimSpace(text)
	if !bytes.ContainsAny(text, "\r\n") {
		text = bytes.ReplaceAll(text, []byte(`\n`), []byte("\n"))
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM block found: want the .pem file that the App's settings page offers for download")
	}
	if block.Headers["DEK-Info"] != "" || block.Type == "ENCRYPTED PRIVATE KEY" {
		return nil, errors.New("is encrypted: decrypt it first, with openssl pkey -in KEY.pem -out PLAIN.pem")
	}
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("is damaged: %w", err)
		}
		return key, nil
	case "PRIVATE KEY":
		any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("is damaged: %w", err)
		}
		if key, ok := any.(*rsa.PrivateKey); ok {
			return key, nil
		}
		return nil, fmt.Errorf("is a %T: want an RSA key", any)
	}
	return nil, fmt.Errorf("PEM block is a %s: want RSA PRIVATE KEY or PRIVATE KEY", block.Type)
}
