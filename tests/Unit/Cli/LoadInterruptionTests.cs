using System.Net;
using System.Net.Sockets;
using Messaging.Services;

namespace Messaging.Unit;

public sealed class LoadInterruptionTests
{
    /// <summary>Less than the half minute for which the first one waits.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_second_Ctrl_C_waits_for_no_answer()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        await using var load = ChildProcess.Start(
            "dotnet", [Repository.AssemblyOf("Cli", "messaging"), "load", "--url", $"http://{silent.LocalEndpoint}", "--duration", "10m"]);
        using var inHand = await silent.AcceptTcpClientAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Limit, TestContext.Current.CancellationToken);

        load.Send(Signal.Interrupt);
        await load.Output.WaitForLineAsync("interrupted: waiting for the answers on their way", Limit);
        load.Send(Signal.Interrupt);

        Assert.Equal(130, await load.WaitForExitAsync(Limit));
        await load.Output.WaitForLineAsync("Quit; what became of the submissions in hand is unknown.", Limit);
    }
}
