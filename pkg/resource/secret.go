package resource

import "maps"

// What is shown in the place of a value that nobody is to see: as kubectl diff has it.
const (
	hiddenSame   = "***"
	hiddenBefore = "*** (before)"
	hiddenAfter  = "*** (after)"
)

// lastApplied is where kubectl apply keeps the whole object, with all its values.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// withoutSecrets gives the contents of an object before and after, either of which may be nil, without what is secret in it.
func withoutSecrets(id ID, a, b map[string]any) (map[string]any, map[string]any) {
	switch {
	case id.Group == "" && id.Kind == "Secret":
		for _, field := range []string{"data", "stringData"} {
			a, b = hide(a, b, field)
		}
		return hide(a, b, "metadata", "annotations", lastApplied)
	case id.Group == "kustomize.config.k8s.io":
		return hide(a, b, "secretGenerator")
	}
	return a, b
}

// hide replaces what lies at a place, value by value, and leaves a and b as they are.
func hide(a, b map[string]any, place ...string) (map[string]any, map[string]any) {
	x, inA := a[place[0]]
	y, inB := b[place[0]]
	if len(place) == 1 {
		x, y = hidden(x, y, inA, inB)
	} else {
		x, y = hideBelow(x, y, place[1:])
	}
	return with(a, place[0], x, inA), with(b, place[0], y, inB)
}

func hideBelow(x, y any, place []string) (any, any) {
	mapX, isX := x.(map[string]any)
	mapY, isY := y.(map[string]any)
	mapX, mapY = hide(mapX, mapY, place...)
	if isX {
		x = mapX
	}
	if isY {
		y = mapY
	}
	return x, y
}

func with(m map[string]any, key string, v any, has bool) map[string]any {
	if !has {
		return m
	}
	copied := maps.Clone(m)
	copied[key] = v
	return copied
}

// hidden gives what is shown of two values. Keys of maps are no secrets.
func hidden(x, y any, inX, inY bool) (any, any) {
	mapX, isX := x.(map[string]any)
	mapY, isY := y.(map[string]any)
	if isX && (isY || !inY) || isY && !inX {
		shownX, shownY := map[string]any{}, map[string]any{}
		for key := range union(mapX, mapY) {
			valueX, hasX := mapX[key]
			valueY, hasY := mapY[key]
			valueX, valueY = hidden(valueX, valueY, hasX, hasY)
			if hasX {
				shownX[key] = valueX
			}
			if hasY {
				shownY[key] = valueY
			}
		}
		return shownX, shownY
	}
	if !inX || !inY || equal(x, y) {
		return hiddenSame, hiddenSame
	}
	return hiddenBefore, hiddenAfter
}
