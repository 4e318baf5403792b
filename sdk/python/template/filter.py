"""Drops the events that are marked as spam."""

from sluicegate_plugin import NEXT, drop, plugin


@plugin(types=["push"], headers=["x-spam"], data="none")
def decide(event):
    return drop("marked as spam") if event.header("x-spam") else NEXT
