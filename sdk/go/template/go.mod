module {name}

go 1.25

require sluicegate v0.1.0

replace sluicegate => ./sdk/go
