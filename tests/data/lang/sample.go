// Package shelf keeps things.
package shelf

import (
	"fmt"

	store "example.org/shelf/store"
)

const Limit, lower = 3, 4

// Shelf holds rows.
type Shelf struct{ rows []int }

type reader interface{ Read() int }

// Sum adds up what is there.
func (s *Shelf) Sum(limit int) (total int) {
	for _, row := range s.rows {
		if row > limit && limit > 0 || row < 0 {
			continue
		} else if row == 0 {
			break
		} else {
			total += row
		}
	}
	switch total {
	case 1:
		fmt.Println("one")
	case 2, 3:
	default:
		store.Close()
	}
	return
}

func helper() func() int {
	return func() int {
		if Limit > 2 {
			return 1
		}
		return 2
	}
}

func TestSum(t *testing.T) {}
