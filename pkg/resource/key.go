package resource

import (
	"fmt"
	"strings"
)

// keyFields says by which fields Kubernetes tells the elements of a list, in the order in which they are tried. Lists of all other
// names are told by name where that is possible.
func keyFields(list string) [][]string {
	switch list {
	case "ports":
		return [][]string{{"containerPort", "protocol"}, {"port", "protocol"}}
	case "volumeMounts":
		return [][]string{{"mountPath"}}
	case "volumeDevices":
		return [][]string{{"devicePath"}}
	case "hostAliases":
		return [][]string{{"ip"}}
	case "topologySpreadConstraints":
		return [][]string{{"topologyKey", "whenUnsatisfiable"}}
	case "conditions":
		return [][]string{{"type"}}
	case "ownerReferences":
		return [][]string{{"uid"}}
	}
	return [][]string{{"name"}}
}

// keyed gives the keys of the elements of both lists; ok only where each element has one that no other of its list has.
func keyed(list string, a, b []any) (keysA, keysB []string, ok bool) {
	for _, fields := range keyFields(list) {
		keysA, ok = uniqueKeys(a, fields)
		if !ok {
			continue
		}
		if keysB, ok = uniqueKeys(b, fields); ok {
			return keysA, keysB, true
		}
	}
	return nil, nil, false
}

func uniqueKeys(list []any, fields []string) ([]string, bool) {
	keys, seen := make([]string, 0, len(list)), make(map[string]bool, len(list))
	for _, element := range list {
		key, ok := keyOf(element, fields)
		if !ok || seen[key] {
			return nil, false
		}
		seen[key] = true
		keys = append(keys, key)
	}
	return keys, true
}

func keyOf(element any, fields []string) (string, bool) {
	m, ok := element.(map[string]any)
	if !ok {
		return "", false
	}
	parts := make([]string, 0, len(fields))
	for _, field := range fields {
		v, has := m[field]
		if !has && field == "protocol" {
			v = "TCP" // the API server's default
		}
		switch v.(type) {
		case nil, map[string]any, []any:
			return "", false
		}
		parts = append(parts, fmt.Sprint(v))
	}
	return strings.Join(parts, "/"), true
}
