using System.Reflection;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Running;
using Messaging.Micro;

// Each function once, measured by nobody: shows that it still runs.
if (args is ["--once"])
{
    var functions = new HotFunctions();
    foreach (var method in typeof(HotFunctions).GetMethods().Where(m => m.GetCustomAttribute<BenchmarkAttribute>() is not null))
    {
        Console.WriteLine($"{method.GetCustomAttribute<BenchmarkAttribute>()!.Description}: {method.Invoke(functions, null)}");
    }

    return 0;
}

BenchmarkSwitcher.FromAssembly(typeof(HotFunctions).Assembly).Run(args);
return 0;
