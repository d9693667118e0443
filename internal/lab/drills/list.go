package main

import "slices"

// all returns the drills in the order in which they run.
func all() []drill {
	return slices.Concat(plannedDrills(), lossDrills(), sickDrills(), dnsDrills(), networkDrills(), overloadDrills(), holeDrills(), storeDrills(), databaseDrills())
}
