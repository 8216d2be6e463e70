// Package status shows what an agent polls to whoever may reach its address: as JSON for programs, as a page for people.
//
//   - It reads and never writes: GET and HEAD of two paths, and nothing else.
//   - An answer is bounded: so many objects, so much of each text. What is left out is counted, and a link leads to it.
//   - Whatever a tenant or a registry wrote is text: the page runs no script, loads nothing, and sends nowhere.
//   - It knows no password: what a URL holds of one is left out.
//   - No other website reads it in the browser of somebody who may: names that anybody can register are refused as its host.
//   - It does not ask who reads. Whoever may reach the address sees the names, revisions and errors of all objects, so that it has an
//     address of its own, which is on loopback unless the administrator says otherwise.
package status
