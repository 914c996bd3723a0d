package ad

// Ports tells where a test's controllers speak plain LDAP and LDAPS.
func (c DoctorConfig) Ports(plain, secure string) DoctorConfig {
	c.ports = func(string) (string, string) { return plain, secure }
	return c
}

// SIDText writes a binary SID.
func SIDText(b []byte) (string, error) { return sidText(b) }
