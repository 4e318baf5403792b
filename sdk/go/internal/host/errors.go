package host

// A StateError is the error of the contract: 0 is quota-exceeded, 1 too-large, 2 unavailable.
type StateError struct {
	Tag uint8
	Why string
}
