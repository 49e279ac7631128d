using BenchmarkDotNet.Running;

BenchmarkSwitcher.FromAssembly(typeof(Messaging.Micro.HotFunctions).Assembly).Run(args);
