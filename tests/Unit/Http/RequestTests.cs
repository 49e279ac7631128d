using System.Text;
using System.Text.Json;
using Messaging.Publisher;

namespace Messaging.Unit;

/// <summary>Rows E1 and F4 of the HTTP contract, as far as the body alone decides.</summary>
public sealed class RequestTests
{
    public static TheoryData<string, string> InvalidOrders => new()
    {
        { "", "$" }, { "{", "$" }, { "null", "$" }, { "[]", "$" }, { "1", "$" }, { "\"x\"", "$" }, { """{"item":"a","quantity":1}x""", "$" },
        { """{"item":"a","quantity":1,}""", "$" }, { "{'item':'a'}", "$" }, { "\ufeff{}", "$" }, { """{"item":"a","quantity":1,"a":[[[[[[[[[[1]]]]]]]]]]}""", "$" },
        { "{}", "item quantity" }, { """{"item":"book"}""", "quantity" }, { """{"quantity":1}""", "item" },
        { """{"item":null,"quantity":null}""", "item quantity" }, { """{"item":1,"quantity":"1"}""", "item quantity" }, { """{"item":{},"quantity":[]}""", "item quantity" },
        { """{"item":"","quantity":1}""", "item" }, { """{"item":"  \t","quantity":1}""", "item" }, { """{"item":"a\u0000b","quantity":1}""", "item" },
        { """{"item":"\ud800","quantity":1}""", "item" }, { """{"item":"\udc00\ud800","quantity":1}""", "item" },
        { """{"item":"a","quantity":0}""", "quantity" }, { """{"item":"a","quantity":-1}""", "quantity" }, { """{"item":"a","quantity":1.5}""", "quantity" },
        { """{"item":"a","quantity":1000001}""", "quantity" }, { """{"item":"a","quantity":1e400}""", "quantity" }, { """{"item":"a","quantity":true}""", "quantity" },
        { """{"item":"a","quantity":4294967297}""", "quantity" },
        { """{"item":"a","quantity":1,"extra":1}""", "extra" }, { """{"item":"a","quantity":1,"Item":"b"}""", "Item" },
        { """{"item":"a","item":"a","quantity":1}""", "item" }, { """{"item":"a","\u0069tem":"b","quantity":1}""", "item" }, { """{"item":"a","quantity":1,"\ud800":1}""", "$" },
        { """{"item":"a","quantity":1,"x":{"y":1}}""", "x" },
    };

    public static TheoryData<string, string> InvalidPayments => new()
    {
        { "{}", "amount" }, { """{"amount":null}""", "amount" }, { """{"amount":"100"}""", "amount" }, { """{"amount":0}""", "amount" }, { """{"amount":-0.0}""", "amount" },
        { """{"amount":-1}""", "amount" }, { """{"amount":0.00001}""", "amount" }, { """{"amount":1.00001}""", "amount" }, { """{"amount":100000000000}""", "amount" },
        { """{"amount":99999999999.99991}""", "amount" }, { """{"amount":1e308}""", "amount" }, { """{"amount":1,"currency":"eur"}""", "currency" },
        { """{"amount":1,"currency":"EU"}""", "currency" }, { """{"amount":1,"currency":"EURO"}""", "currency" }, { """{"amount":1,"currency":"E1R"}""", "currency" },
        { """{"amount":1,"currency":""}""", "currency" }, { """{"amount":1,"currency":978}""", "currency" }, { """{"amount":1,"currency":"ÄÖÜ"}""", "currency" },
    };

    [Theory]
    [InlineData("""{"item":"book","quantity":1}""", "book", 1)]
    [InlineData("""{"quantity":1.0,"item":"\u0062ook"}""", "book", 1)]
    [InlineData("""{"item":"ünï 😀","quantity":1e6}""", "ünï 😀", 1_000_000)]
    [InlineData("""{"item":" a ","quantity":2}""", " a ", 2)]
    public void A_valid_order_is_read(string body, string item, int quantity) =>
        Assert.Equal(new OrderRequest(item, quantity), Order(body, out _));

    [Theory, MemberData(nameof(InvalidOrders))]
    public void E1_F4_every_wrong_member_of_an_order_is_named(string body, string members)
    {
        Assert.Null(Order(body, out var errors));
        Assert.Equal(members, string.Join(' ', errors.ToProblem().Errors!.Keys));
    }

    [Fact]
    public void E1_an_item_has_at_most_200_characters()
    {
        Assert.NotNull(Order($$"""{"item":"{{new string('x', 200)}}","quantity":1}""", out _));
        Assert.Null(Order($$"""{"item":"{{new string('x', 201)}}","quantity":1}""", out var errors));
        Assert.Equal(["Must have at most 200 characters."], errors.ToProblem().Errors!["item"]);
    }

    [Fact]
    public void E1_invalid_UTF8_is_named_as_such()
    {
        var errors = new ValidationErrors();
        Assert.Null(OrderRequest.Read("{\"item\":\"\x80\",\"quantity\":1}"u8.ToArray().Select(b => b == 0xC2 ? (byte)0xFF : b).ToArray(), new LimitsOptions(), errors));
        Assert.Equal(["The body is not valid UTF-8."], errors.ToProblem().Errors!["$"]);
    }

    [Fact]
    public void E1_a_syntax_error_names_the_place_and_repeats_nothing()
    {
        Assert.Null(Order("{\n  \"item\": secret\n}", out var errors));
        Assert.Equal(["The body is not valid JSON: line 2, byte 11."], errors.ToProblem().Errors!["$"]);
    }

    [Fact]
    public void E1_a_long_unknown_name_is_not_repeated_whole()
    {
        Order($$"""{"{{new string('x', 5000)}}":1}""", out var errors);
        Assert.All(errors.ToProblem().Errors!.Keys, name => Assert.InRange(name.Length, 1, 65));
    }

    [Theory]
    [InlineData("""{"amount":100}""", "100", "EUR")]
    [InlineData("""{"amount":100,"currency":null}""", "100", "EUR")]
    [InlineData("""{"amount":12.50,"currency":"USD"}""", "12.5", "USD")]
    [InlineData("""{"amount":1e2}""", "100", "EUR")]
    [InlineData("""{"amount":0.0001}""", "0.0001", "EUR")]
    [InlineData("""{"amount":99999999999.9999}""", "99999999999.9999", "EUR")]
    public void A_valid_payment_is_read_and_written_without_loss(string body, string amount, string currency)
    {
        var payment = Payment(body, out _)!.Value;
        var acceptance = JsonSerializer.Serialize(new PaymentAcceptance(Guid.Empty, payment.Amount, payment.Currency), PublisherJson.Relaxed.PaymentAcceptance);
        Assert.Equal($$"""{"payment_id":"00000000-0000-0000-0000-000000000000","amount":{{amount}},"currency":"{{currency}}","status":"accepted"}""", acceptance);
    }

    [Theory, MemberData(nameof(InvalidPayments))]
    public void E1_every_wrong_member_of_a_payment_is_named(string body, string members)
    {
        Assert.Null(Payment(body, out var errors));
        Assert.Equal(members, string.Join(' ', errors.ToProblem().Errors!.Keys));
    }

    private static OrderRequest? Order(string body, out ValidationErrors errors) =>
        OrderRequest.Read(Encoding.UTF8.GetBytes(body), new LimitsOptions(), errors = new ValidationErrors());

    private static PaymentRequest? Payment(string body, out ValidationErrors errors) =>
        PaymentRequest.Read(Encoding.UTF8.GetBytes(body), new LimitsOptions(), "EUR", errors = new ValidationErrors());
}
