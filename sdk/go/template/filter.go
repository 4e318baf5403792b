// {name} drops the events that are marked as spam.
package main

import "sluicegate"

func init() {
	sluicegate.ExportFunc(sluicegate.To("push").WithHeaders("x-spam"), decide)
}

func decide(event *sluicegate.Event) (sluicegate.Decision, error) {
	if event.HasHeader("x-spam") {
		return sluicegate.Drop("marked as spam"), nil
	}
	return sluicegate.Next(), nil
}

func main() {}
