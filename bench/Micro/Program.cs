using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Running;
using Messaging.Micro;

// Measured in this process: one that is generated would look for a project of the assembly's name. Code 1 when a function could not be measured.
var config = DefaultConfig.Instance.WithArtifactsPath(Path.Combine(AppContext.BaseDirectory, "results"));
#if DEBUG
// For the test that runs each function once (--job Dry).
config = config.WithOptions(ConfigOptions.DisableOptimizationsValidator);
#endif
var summaries = BenchmarkSwitcher.FromAssembly(typeof(HotFunctions).Assembly).Run([.. args, "--inProcess"], config);
return summaries.SelectMany(s => s.Reports).Any() && summaries.All(s => !s.HasCriticalValidationErrors && s.Reports.All(r => r.Success)) ? 0 : 1;
