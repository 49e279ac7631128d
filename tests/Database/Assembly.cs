using Messaging.Database;
using Messaging.Services;

[assembly: AssemblyFixture(typeof(SharedServers))]
[assembly: TestCollectionOrderer(typeof(Longest))]
