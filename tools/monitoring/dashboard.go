package main

import "encoding/json"

// panel is one picture of the dashboard.
type panel struct {
	title, about string
	kind         string // of Grafana: stat, timeseries or table
	unit         string
	width        int // of 24
	queries      []query
	alarm        bool // anything above zero is bad
}

type query struct{ expr, legend string }

// Metrics of libraries, which others in the cluster have too, are the agent's with this job. See servicemonitor.yaml.
const (
	job     = `job="oci-agent"`
	queue   = job + `, name="ocirepository"`
	object  = `namespace=~"$namespace", ` + job
	perTime = `[$__rate_interval]`
)

// rows are the panels, from top to bottom.
func rows() [][]panel {
	return [][]panel{
		{
			{title: "Objects ready", kind: "stat", width: 4, queries: []query{{`count(max by (namespace, name) (oci_agent_object_ready{` + object + `}) == 1) or vector(0)`, ""}}},
			{title: "Objects not ready", kind: "stat", width: 4, alarm: true, queries: []query{{`count(max by (namespace, name) (oci_agent_object_ready{` + object + `}) == 0) or vector(0)`, ""}}},
			{title: "Replicas", kind: "stat", width: 4, queries: []query{{`count(oci_agent_store_bytes{` + job + `})`, ""}}},
			{title: "Leaders", about: "One, unless the lease changes hands.", kind: "stat", width: 4, queries: []query{{`sum(leader_election_master_status{` + job + `, name="oci-agent"})`, ""}}},
			{title: "Registries in trouble", about: "They asked for fewer requests, or have all that they may have at once.", kind: "stat", width: 4, alarm: true, queries: []query{{`max(oci_agent_registries_in_trouble{` + job + `})`, ""}}},
			{title: "Refused signatures, 24 h", kind: "stat", width: 4, alarm: true, queries: []query{{`sum(increase(oci_agent_verifications_total{` + job + `, result="refused"}[24h]))`, ""}}},
		},
		{
			{title: "Not ready", about: "The condition Ready of each object says why.", kind: "table", width: 12, queries: []query{{`max by (namespace, name) (oci_agent_object_ready{` + object + `}) == 0`, ""}}},
			{title: "Slowest objects", about: "Mean time of a reconcile.", kind: "timeseries", unit: "s", width: 12, queries: []query{{`topk(10, sum by (namespace, name) (rate(gotk_reconcile_duration_seconds_sum{` + object + `}` + perTime + `)) / sum by (namespace, name) (rate(gotk_reconcile_duration_seconds_count{` + object + `}` + perTime + `)))`, "{{namespace}}/{{name}}"}}},
		},
		{
			{title: "Reconciles per second", kind: "timeseries", unit: "reqps", width: 12, queries: []query{{`sum by (result) (rate(controller_runtime_reconcile_total{` + job + `, controller="ocirepository"}` + perTime + `))`, "{{result}}"}}},
			{title: "Time of a reconcile", kind: "timeseries", unit: "s", width: 12, queries: []query{
				{`histogram_quantile(0.5, sum by (le) (rate(controller_runtime_reconcile_time_seconds_bucket{` + job + `, controller="ocirepository"}` + perTime + `)))`, "half"},
				{`histogram_quantile(0.99, sum by (le) (rate(controller_runtime_reconcile_time_seconds_bucket{` + job + `, controller="ocirepository"}` + perTime + `)))`, "99 in 100"},
			}},
		},
		{
			{title: "Objects that wait for a worker", kind: "timeseries", width: 8, queries: []query{{`sum by (pod) (workqueue_depth{` + queue + `})`, "{{pod}}"}}},
			{title: "How long they wait", kind: "timeseries", unit: "s", width: 8, queries: []query{{`histogram_quantile(0.9, sum by (le) (rate(workqueue_queue_duration_seconds_bucket{` + queue + `}` + perTime + `)))`, "9 in 10"}}},
			{title: "Workers", kind: "timeseries", width: 8, queries: []query{
				{`max(controller_runtime_active_workers{` + job + `, controller="ocirepository"})`, "at work"},
				{`max(controller_runtime_max_concurrent_reconciles{` + job + `, controller="ocirepository"})`, "all"},
			}},
		},
		{
			{title: "Searches for signatures", kind: "timeseries", width: 8, queries: []query{{`sum by (result) (increase(oci_agent_verifications_total{` + job + `}` + perTime + `))`, "{{result}}"}}},
			{title: "Errors", about: "Trouble with the API server, the disk, or the policy file. An object that fails is none.", kind: "timeseries", width: 8, queries: []query{
				{`sum(increase(controller_runtime_reconcile_errors_total{` + job + `, controller="ocirepository"}` + perTime + `))`, "reconciles"},
				{`sum(increase(oci_agent_policy_errors_total{` + job + `}` + perTime + `))`, "policy"},
				{`sum(increase(controller_runtime_reconcile_panics_total{` + job + `}` + perTime + `))`, "mistakes"},
			}},
			{title: "Requests to the API server", kind: "timeseries", unit: "reqps", width: 8, queries: []query{{`sum by (code) (rate(rest_client_requests_total{` + job + `}` + perTime + `))`, "{{code}}"}}},
		},
		{
			{title: "Memory", kind: "timeseries", unit: "bytes", width: 8, queries: []query{{`process_resident_memory_bytes{` + job + `}`, "{{pod}}"}}},
			{title: "Cores", kind: "timeseries", width: 8, queries: []query{{`rate(process_cpu_seconds_total{` + job + `}` + perTime + `)`, "{{pod}}"}}},
			{title: "Store", kind: "timeseries", unit: "bytes", width: 8, queries: []query{{`oci_agent_store_bytes{` + job + `}`, "{{pod}}"}}},
		},
	}
}

// What Grafana calls things.
type (
	fields map[string]any
	list   []any
)

const statHeight, height = 4, 8

// dashboard is the JSON of it.
func dashboard() ([]byte, error) {
	panels, id, y := list{}, 0, 0
	for _, row := range rows() {
		x, tall := 0, height
		for _, p := range row {
			if p.kind == "stat" {
				tall = statHeight
			}
			id++
			panels = append(panels, p.draw(id, fields{"x": x, "y": y, "w": p.width, "h": tall}))
			x += p.width
		}
		y += tall
	}
	text, err := json.MarshalIndent(fields{
		"uid": "kubectl-oci-agent", "title": "OCI agent", "tags": list{"kubectl-oci"}, "schemaVersion": 39, "editable": true,
		"refresh": "30s", "time": fields{"from": "now-3h", "to": "now"}, "timezone": "browser", "panels": panels,
		"templating": fields{"list": list{
			fields{"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
			fields{
				"name": "namespace", "label": "Namespace", "type": "query", "datasource": source(), "refresh": 2, "sort": 1,
				"includeAll": true, "multi": true, "allValue": ".*", "current": fields{"text": "All", "value": "$__all"},
				"query": fields{"query": "label_values(oci_agent_object_ready, namespace)", "refId": "namespaces"},
			},
		}},
	}, "", "  ")
	return append(text, '\n'), err
}

func source() fields { return fields{"type": "prometheus", "uid": "${datasource}"} }

// draw gives the panel its place.
func (p panel) draw(id int, place fields) fields {
	targets := list{}
	for i, q := range p.queries {
		target := fields{"refId": string(rune('A' + i)), "expr": q.expr, "legendFormat": q.legend, "datasource": source()}
		if p.kind == "table" {
			target["instant"], target["format"] = true, "table"
		}
		targets = append(targets, target)
	}
	defaults := fields{"unit": p.unit, "min": 0}
	options := fields{}
	switch p.kind {
	case "stat":
		options = fields{"colorMode": "value", "graphMode": "none", "reduceOptions": fields{"calcs": list{"lastNotNull"}}}
		defaults["decimals"] = 0
	case "timeseries":
		options = fields{"legend": fields{"displayMode": "list", "placement": "bottom"}, "tooltip": fields{"mode": "multi", "sort": "desc"}}
		defaults["custom"] = fields{"fillOpacity": 10, "lineWidth": 2, "showPoints": "never"}
	}
	if p.alarm {
		defaults["thresholds"] = fields{"mode": "absolute", "steps": list{fields{"color": "green", "value": nil}, fields{"color": "red", "value": 0.5}}}
	}
	drawn := fields{
		"id": id, "type": p.kind, "title": p.title, "description": p.about, "gridPos": place, "datasource": source(), "targets": targets,
		"fieldConfig": fields{"defaults": defaults, "overrides": list{}}, "options": options,
	}
	if p.kind == "table" {
		drawn["transformations"] = list{fields{"id": "organize", "options": fields{"excludeByName": fields{"Time": true, "Value": true}}}}
	}
	return drawn
}
