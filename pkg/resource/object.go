package resource

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// ID tells an object from all others in a cluster. The version of its API is no part of it.
type ID struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
}

// String is Kind/namespace/name, quoted where a part would do harm on a terminal.
func (id ID) String() string {
	parts := []string{id.Kind}
	if id.Namespace != "" {
		parts = append(parts, id.Namespace)
	}
	if id.Name != "" {
		parts = append(parts, id.Name)
	}
	return printable(strings.Join(parts, "/"))
}

// Object is a Kubernetes object and the place it was read from.
type Object struct {
	ID
	Content map[string]any // as in JSON: map[string]any, []any, string, int64, float64, bool, nil
	File    string
	Line    int // from 1
}

// objects gives the objects in a document: none where it is something else, several where it is a List.
func (r *reading) objects(n *yaml.Node) (found []Object, other bool, err error) {
	for n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	v, err := r.value(n, 0)
	if err != nil || v == nil {
		return nil, false, err
	}
	content, ok := v.(map[string]any)
	if !ok {
		return nil, true, nil
	}
	if kind, items, ok := listOf(content); ok {
		return r.items(n, content, kind, items)
	}
	o, ok := r.object(content, n)
	if !ok {
		return nil, true, nil
	}
	return []Object{o}, false, nil
}

// listOf tells the items of a List, or of a list of one kind, which the items need not repeat.
func listOf(content map[string]any) (kind string, items []any, ok bool) {
	kind, _ = content["kind"].(string)
	kind, isList := strings.CutSuffix(kind, "List")
	items, hasItems := content["items"].([]any)
	return kind, items, isList && hasItems
}

// items gives the objects of a list. Among them may be other lists.
func (r *reading) items(n *yaml.Node, list map[string]any, kind string, items []any) (found []Object, other bool, err error) {
	nodes := itemNodes(n)
	for i, item := range items {
		content, ok := item.(map[string]any)
		if !ok {
			other = true
			continue
		}
		at := n
		if i < len(nodes) {
			at = nodes[i]
		}
		if _, has := content["kind"]; !has && kind != "" {
			content["kind"], content["apiVersion"] = kind, list["apiVersion"]
		}
		if inner, more, ok := listOf(content); ok {
			below, odd, err := r.items(at, content, inner, more)
			if err != nil {
				return nil, false, err
			}
			found, other = append(found, below...), other || odd
			continue
		}
		o, ok := r.object(content, at)
		if !ok {
			other = true
			continue
		}
		found = append(found, o)
	}
	return found, other, nil
}

// itemNodes finds the nodes of a list's items, for their lines.
func itemNodes(n *yaml.Node) []*yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "items" && n.Content[i+1].Kind == yaml.SequenceNode {
			return n.Content[i+1].Content
		}
	}
	return nil
}

func (r *reading) object(content map[string]any, n *yaml.Node) (Object, bool) {
	version, _ := content["apiVersion"].(string)
	kind, _ := content["kind"].(string)
	if version == "" || kind == "" {
		return Object{}, false
	}
	id := ID{Kind: kind}
	if group, _, ok := strings.Cut(version, "/"); ok {
		id.Group = group
	}
	if metadata, ok := content["metadata"].(map[string]any); ok {
		id.Namespace, _ = metadata["namespace"].(string)
		id.Name, _ = metadata["name"].(string)
	}
	return Object{ID: id, Content: content, File: r.file, Line: r.line(n)}, true
}
