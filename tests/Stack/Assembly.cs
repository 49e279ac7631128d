using Messaging.Services;
using Messaging.Stack;

[assembly: AssemblyFixture(typeof(SharedServers))]
[assembly: TestCollectionOrderer(typeof(Longest))]
