using Messaging.Publisher;

namespace Messaging.Unit;

public sealed class ApiKeyTests
{
    [Theory]
    [InlineData("shop")]
    [InlineData("shop.example")]
    [InlineData("_shop-2_eu@x")]
    public void A_client_whose_name_a_setting_can_carry_gets_a_key(string name) => Assert.Null(ApiKey.FindProblem(name));

    [Theory]
    [InlineData("")]
    [InlineData("my shop")]
    [InlineData("anonymous")]
    [InlineData("gemüse")]
    [InlineData("a:b")]
    [InlineData("a=b")]
    [InlineData("a__b")]
    [InlineData("a_")]
    [InlineData("a\"b")]
    public void One_that_nobody_could_let_in_is_refused_with_the_rule(string name)
    {
        var problem = ApiKey.FindProblem(name);

        Assert.StartsWith($"'{name}' is no name for a client", problem, StringComparison.Ordinal);
        Assert.EndsWith(".", problem, StringComparison.Ordinal);
    }
}
