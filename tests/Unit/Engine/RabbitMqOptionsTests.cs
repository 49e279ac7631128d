using System.Net;
using System.Net.Sockets;
using Messaging.Transactional;
using Microsoft.Extensions.Configuration;

namespace Messaging.Unit;

public sealed class RabbitMqOptionsTests
{
    [Theory]
    [InlineData("amqp://u:p@a:5673/vhost", "amqp://u:p@a:5673/vhost")]
    [InlineData("amqp://localhost", "amqp://localhost/")]
    [InlineData("amqp://u:p%2Cq@a:1,b,[::1]:3/v%2Fhost", "amqp://u:p%2Cq@a:1/v%2Fhost", "amqp://u:p%2Cq@b/v%2Fhost", "amqp://u:p%2Cq@[::1]:3/v%2Fhost")]
    [InlineData("amqps://u:p@a, b", "amqps://u:p@a/", "amqps://u:p@b/")]
    public void One_node_or_several_share_user_and_virtual_host(string address, params string[] nodes)
    {
        var read = Read(address);

        Assert.Equal(nodes, read.Nodes.Select(n => n.AbsoluteUri));
        Assert.Equal(nodes[0], read.Uri.AbsoluteUri);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("localhost:5672")]
    [InlineData("http://a/")]
    [InlineData("amqp:///vhost")]
    [InlineData("amqp://u:p@a,,b/")]
    [InlineData("amqp://u:p@a:1,b:port/")]
    public void Anything_else_is_refused_by_its_name_and_without_its_text(string? address)
    {
        var refusal = Assert.Throws<SettingException>(() => Read(address));

        Assert.Contains("ConnectionStrings__RabbitMq", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("u:p", refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>As a proxy does whose own broker is gone. The client library alone would wait for ever, and no other node would be tried.</summary>
    [Fact]
    public async Task A_node_that_takes_the_connection_and_stays_silent_is_given_up()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();

        var connecting = Read($"amqp://127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}/").ConnectAsync("test", TestContext.Current.CancellationToken);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken));
    }

    private static RabbitMqOptions Read(string? address) => RabbitMqOptions.Read(
        new ConfigurationBuilder().AddInMemoryCollection([new("ConnectionStrings:RabbitMq", address)]).Build());
}
