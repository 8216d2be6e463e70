// Package page tests the agent's status page as people see it: in a real Chromium, without a window. What the page shows is made up; that a
// running agent fills it is tested with the agent.
//
// E2E_BROWSER=optional lets a machine without Chromium skip the tests; otherwise they fail there.
package page
