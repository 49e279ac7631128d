using Messaging.Cli;

namespace Messaging.Unit;

public sealed class LoadFiguresTests
{
    [Fact]
    public void A_load_that_was_let_in_nowhere_says_so()
    {
        var figures = new LoadFigures();
        figures.Answer("401");
        figures.Answer(LoadFigures.CutOnPurpose);

        Assert.StartsWith("every answer was 401;", figures.Obstacle, StringComparison.Ordinal);

        figures.Answer("202");
        Assert.Null(figures.Obstacle);
    }

    [Fact]
    public void A_load_that_was_never_answered_says_why()
    {
        var figures = new LoadFigures();
        figures.Lose(LoadFigures.ConnectionLost, "Connection refused (localhost:1)");

        Assert.Equal("there was no answer; Connection refused (localhost:1)", figures.Obstacle);
    }

    [Fact]
    public void Latencies_that_were_never_measured_are_not_zero() => Assert.Null(new LoadFigures().Percentile(99));

    [Theory]
    [InlineData("http://localhost:8080", "http://localhost:8080/api/orders")]
    [InlineData("https://example.com/shop/?x=1", "https://example.com/shop/api/orders")]
    public void The_path_of_an_address_is_kept(string url, string expected) => Assert.Equal(expected, Operation.Orders.At(new Uri(url)).ToString());
}
