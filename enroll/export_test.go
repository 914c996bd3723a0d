package enroll

// ReadCode is readCode, for its fuzz test.
var ReadCode = readCode
