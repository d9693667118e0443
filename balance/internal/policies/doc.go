// Package policies tests package balance with the policies of grpc-go. It is a package of
// its own because weighted_round_robin imports more modules than balance does.
package policies
