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

    private static RabbitMqOptions Read(string? address) => RabbitMqOptions.Read(
        new ConfigurationBuilder().AddInMemoryCollection([new("ConnectionStrings:RabbitMq", address)]).Build());
}
