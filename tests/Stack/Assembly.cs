using Messaging.Services;

[assembly: AssemblyFixture(typeof(SharedServers))]
