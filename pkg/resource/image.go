package resource

import "strconv"

// Image is the place where an object names a container image.
type Image struct {
	Name   string `json:"image"` // as written
	Object ID     `json:"object"`
	Path   string `json:"path"` // of the field in the object
	File   string `json:"file"`
	Line   int    `json:"line"` // of the object, from 1
}

// Images finds the images that objects name, in their order: every field image that holds a text, and the reference of image volumes, so
// that pod specs are found wherever a kind keeps them, and kinds that nobody told us of. What has no image in that sense is left out: data
// of ConfigMaps and Secrets, schemas, block devices, metadata and status. Values of charts, names that are put together from
// parts, and what a kustomization replaces are not known.
func (s *Set) Images() []Image {
	var all []Image
	for _, o := range s.Objects {
		if !o.namesImages() {
			continue
		}
		search := imageSearch{object: o}
		for _, key := range sortedKeys(o.Content) {
			if key != "metadata" && key != "status" {
				search.field(fieldPath{}.field(key), key, o.Content[key])
			}
		}
		all = append(all, search.found...)
	}
	return all
}

func (o Object) namesImages() bool {
	switch {
	case o.Group == "" && (o.Kind == "ConfigMap" || o.Kind == "Secret"):
		return false
	case o.Group == "apiextensions.k8s.io":
		return false
	}
	return true
}

type imageSearch struct {
	object Object
	found  []Image
}

func (s *imageSearch) field(at fieldPath, name string, v any) {
	switch v := v.(type) {
	case string:
		if name == "image" && v != "" {
			s.add(at, v)
		}
	case map[string]any:
		s.fields(at, name, v)
	case []any:
		for i, element := range v {
			s.field(at.element(elementName(element, i)), "", element)
		}
	}
}

func (s *imageSearch) fields(at fieldPath, name string, v map[string]any) {
	if name == "rbd" {
		return // its image is a block device
	}
	if reference, ok := v["reference"].(string); ok && name == "image" && reference != "" {
		s.add(at.field("reference"), reference)
	}
	for _, key := range sortedKeys(v) {
		s.field(at.field(key), key, v[key])
	}
}

func (s *imageSearch) add(at fieldPath, image string) {
	s.found = append(s.found, Image{image, s.object.ID, at.String(), s.object.File, s.object.Line})
}

// elementName is what people call an element of a list.
func elementName(element any, i int) string {
	if m, ok := element.(map[string]any); ok {
		if name, ok := m["name"].(string); ok {
			return name
		}
	}
	return strconv.Itoa(i)
}
